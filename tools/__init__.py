"""What stands behind `make`: environment, demo, UI and checks. Standard library only."""

"""How many calls an app may make, shared by the tasks of a machine."""

"""What a report reports of itself: summary, manifest, restatement."""

"""Files at a destination: their target, partitions and atomic publication, on a disk or in an object store."""

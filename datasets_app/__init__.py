"""Image data sets: upload, checks, versions, findings."""

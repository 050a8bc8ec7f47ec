"""An app whose updates are masked."""

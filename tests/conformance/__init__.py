"""Every installed loss against the laws, and other people's findings confirmed by calling their libraries alone."""

"""Where rows come from: tables and texts, packaged or from files, split repeat by repeat."""

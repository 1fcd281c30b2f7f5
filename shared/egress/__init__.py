"""How we send to addresses that strangers chose: checked, bounded in time and size, and never into our own network."""

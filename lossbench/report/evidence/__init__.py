"""What the figures show and the report says, as plain numbers from records: nothing here draws."""

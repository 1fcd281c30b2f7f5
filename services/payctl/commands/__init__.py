"""The commands, one module for each thing that is looked at or acted on."""

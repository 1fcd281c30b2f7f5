"""What every provider must do, played by its own simulator over loopback HTTP."""

"""Receives the providers' callbacks: raw bytes, verified, stored once, answered; everything else happens later."""

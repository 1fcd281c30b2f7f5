"""M-Pesa: what customers pay from their phones, and what is sent to phones, through Safaricom's Daraja API."""

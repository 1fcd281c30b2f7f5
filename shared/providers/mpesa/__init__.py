"""M-Pesa (Safaricom Daraja): prompts on phones, reversals, payments out, and what customers pay by themselves."""

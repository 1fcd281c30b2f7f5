"""What the API's requests and answers look like; OpenAPI is made from these."""

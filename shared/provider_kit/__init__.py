"""The seam that a provider is written against: requests, outcomes, callbacks, discovery, simulator toolkit."""

"""The seam that a provider is written against: requests, outcomes, discovery; what all of them share; simulators."""

"""The town as plain facts: places, people, what they do together, what they offer each other. Nothing here acts."""

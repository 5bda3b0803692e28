"""The shell of every page: guards, forms, refusals as pages, security headers, rate limits, filters.

Promises: knows no feature. Features hand it views; it hands them an actor, a form and a way to answer.
"""

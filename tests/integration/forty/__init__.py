"""Forty hostile, odd or clumsy inputs, sent through the real website to the real worker."""

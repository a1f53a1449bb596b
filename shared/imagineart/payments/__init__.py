"""Payments for credits, as a payment provider reports them."""

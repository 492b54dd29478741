"""Figures of one model's answers, against figures computed apart from the application."""

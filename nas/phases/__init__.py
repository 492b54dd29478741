"""The phases of one search, in order; each can be interrupted and goes on from the candidates done."""

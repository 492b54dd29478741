"""`manage.py demo`: the whole job through the HTTP interface and the websocket of a private stack."""

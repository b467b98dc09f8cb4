"""The dashboard: pages for people, made on the server, live where a browser has scripts, readable where it has none."""

"""The trading day in a browser page: Streamlit, on loopback, reading and never writing."""

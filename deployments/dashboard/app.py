"""The script that Streamlit runs at each visit."""

from deployments.dashboard.menu import show

show()

"""The studio, a stand-in for models of text, speech, music and videos, which says so in each file."""

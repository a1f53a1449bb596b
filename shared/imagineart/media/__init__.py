"""What is generated that is no image: text, speech, music and video."""

"""The /v1 API: ImagineArt 2.0, and OpenAI's shapes on the same paths."""

curl https://api.ml.imagine.art/v1/health --fail-with-body

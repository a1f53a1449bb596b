"""One foreign system a module: the only places that know AWS, inference backends and image libraries."""

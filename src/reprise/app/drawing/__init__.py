"""Pictures and pages as HTML and SVG that need no network and no script; one style for all of them."""

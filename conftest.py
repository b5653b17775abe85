pytest_plugins = ["tests.town"]

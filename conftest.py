pytest_plugins = ["tests.town", "tests.scenes"]

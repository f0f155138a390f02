from temperature import celsius_to_fahrenheit, fahrenheit_to_celsius


def test_freezing_and_boiling() -> None:
    assert fahrenheit_to_celsius(32) == 0
    assert fahrenheit_to_celsius(212) == 100


def test_there_and_back() -> None:
    assert abs(fahrenheit_to_celsius(celsius_to_fahrenheit(36.6)) - 36.6) < 1e-9

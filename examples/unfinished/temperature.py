"""Convert temperatures between the scales that people use."""


def celsius_to_fahrenheit(celsius: float) -> float:
    """Convert degrees Celsius to degrees Fahrenheit."""
    return celsius * 9 / 5 + 32


def fahrenheit_to_celsius(fahrenheit: float) -> float:
    """Convert degrees Fahrenheit to degrees Celsius."""
    


def celsius_to_kelvin(celsius: float) -> float:
    """Convert degrees Celsius to kelvins."""
    return celsius + 273.15

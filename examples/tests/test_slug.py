from slug import slugify


def test_titles_become_slugs() -> None:
    assert slugify("Hello, World!") == "hello-world"
    assert slugify("  100 % Python ") == "100-python"

from shopping_cart import ShoppingCart


def test_empty_cart_is_free() -> None:
    assert ShoppingCart().total() == 0


def test_quantities_count() -> None:
    cart = ShoppingCart()
    cart.add("apple", 0.5, 4)
    cart.add("bread", 3.0)
    assert cart.total() == 5.0

"""A shopping cart that knows what it costs."""

from dataclasses import dataclass, field


@dataclass
class Item:
    """One line of a cart."""

    name: str
    price: float
    quantity: int = 1


@dataclass
class ShoppingCart:
    """Items that somebody is about to buy."""

    items: list[Item] = field(default_factory=list)

    def add(self, name: str, price: float, quantity: int = 1) -> None:
        """Put an item into the cart."""
        self.items.append(Item(name, price, quantity))

    def total(self) -> float:
        """Add up the price of every item."""
        

    def is_empty(self) -> bool:
        """Say whether there is nothing to pay for."""
        return len(self.items) == 0

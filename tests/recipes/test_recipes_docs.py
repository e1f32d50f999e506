"""Catalogue, folder and documentation of recipes have the same."""

from importlib import import_module
from pathlib import Path

from bot.core.catalog import RECIPES
from bot.core.migrations.drafts.recipe import Recipe

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs/recipes"
SECTIONS = ("## What happens", "## What builds see", "## Stop and go back")


def test_the_catalogue_has_every_recipe_once() -> None:
    defined = [
        value.name
        for path in (ROOT / "bot/core/migrations/recipes").glob("[!_]*.py")
        for value in vars(import_module(f"bot.core.migrations.recipes.{path.stem}")).values()
        if isinstance(value, Recipe)
    ]
    assert sorted(recipe.name for recipe in RECIPES) == sorted(defined)


def test_every_recipe_has_its_page_and_no_other() -> None:
    pages = {path.stem for path in PAGES.glob("*.md")} - {"README"}
    assert pages == {recipe.name for recipe in RECIPES}
    index = (PAGES / "README.md").read_text()
    for recipe in RECIPES:
        assert f"| [{recipe.name}]({recipe.name}.md) |" in index
        text = (PAGES / f"{recipe.name}.md").read_text()
        for section in SECTIONS:
            assert f"\n{section}\n" in text, f"{recipe.name}: {section}"
        assert f"$ lockgate emc new {recipe.name} " in text

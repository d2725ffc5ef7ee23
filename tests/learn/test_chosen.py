import pytest

from fraud.dataset import split
from fraud.errors import UsageError
from fraud.learn import chosen
from fraud.learn.candidates import registry
from fraud.learn.chosen import Chosen, ChosenOn

ON = ChosenOn(digest="a" * 64, rows=10, frauds=2, prevalence=0.01)


@pytest.mark.parametrize("name", list(registry()))
def test_every_candidate_comes_back_as_it_was_written(name, tmp_path):
    told = Chosen(chosen_on=ON, candidate=registry()[name])
    chosen.write(told, tmp_path / "recipe.toml")
    assert chosen.read(tmp_path / "recipe.toml") == told


def test_the_recipe_that_ships_can_be_served():
    told = chosen.read()
    assert told.candidate.servable
    assert len(told.chosen_on.digest) == 64
    assert told.chosen_on.frauds > 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "can't be read"),
        ("not toml", "can't be read"),
        ("[chosen_on]\nrows = 1\n", "chosen_on.digest: Field required"),
        ('[candidate]\nname = "a"\ndescription = "b"\ntrees = 3\n', "run `make select`"),
    ],
)
def test_a_recipe_that_can_not_be_used_says_what_to_do(text, message, tmp_path):
    path = tmp_path / "recipe.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UsageError, match="run `make select` to make it anew") as refused:
        chosen.read(path)
    assert message in str(refused.value)
    assert str(path) in str(refused.value)


def test_a_run_on_the_rows_of_the_choice_is_optimistic_and_no_other(draw):
    frame = draw(500, 40, 5)
    digest = split.content_digest(frame)
    told = Chosen(chosen_on=ON.model_copy(update={"digest": digest}), candidate=registry()["logistic"])
    shuffled = frame.sample(frac=1, random_state=0)
    assert told.record(split.content_digest(shuffled))["optimistic"]
    changed = frame.assign(V1=frame["V1"].where(frame.index != 7, 1.5))
    for other in (changed, frame.iloc[:-1], frame.assign(Class=1 - frame["Class"])):
        assert not told.record(split.content_digest(other))["optimistic"]

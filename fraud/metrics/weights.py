"""What one legitimate row counts for, where the stored share of fraud is not the one in production."""


def legitimate_weight(n_legitimate: int, n_fraud: int, prevalence: float | None) -> float:
    """The weight of a legitimate row, a fraud weighing 1, at which the weighted share of fraud is `prevalence`.

    Counted once over the whole file, it is the same constant in every split, fold and slice of it.

    Source: Saerens, Latinne and Decaestecker, "Adjusting the outputs of a classifier to new a priori probabilities",
    2002: each class is reweighted by the ratio of its shares, up to a common factor.

    Args:
        n_legitimate: legitimate rows of the file, above 0.
        n_fraud: frauds of the file, above 0.
        prevalence: share of fraud in production, inside (0, 1); `None` leaves the file as it is, at weight 1.

    Raises:
        ValueError: a count is not above 0 or the prevalence not inside (0, 1).
    """
    if prevalence is None:
        return 1.0
    if n_legitimate <= 0 or n_fraud <= 0 or not 0 < prevalence < 1:
        raise ValueError(f"no weight gives {n_fraud} frauds beside {n_legitimate} others a share of {prevalence}")
    return (1 - prevalence) / prevalence * n_fraud / n_legitimate


def weighted_share(share: float, weight: float) -> float:
    """A share of frauds among rows, once each legitimate one counts `weight`: its odds are divided by that."""
    return share / (share + weight * (1 - share))

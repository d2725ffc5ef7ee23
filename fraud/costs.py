"""What a decision about a transaction costs, in euros, and from which probability of fraud another one costs less."""

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

Floats = NDArray[np.float64]

# In the order of their thresholds, which is that of the axis of decisions in `CostModel.matrix`.
DECISIONS = ("approve", "review", "decline")

# Above 0: where refusing a transaction cost nothing, the cheapest would be to refuse them all.
_Euros = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_Share = Annotated[float, Field(ge=0, le=1)]


class CostModel(BaseModel):
    """Costs of a decision about a transaction of amount a, l(a) = lost_custom_fixed + lost_custom_share · a:

    | decision | of a fraud    | of a legitimate transaction             |
    | -------- | ------------- | --------------------------------------- |
    | approve  | a + fraud_fee | 0                                       |
    | review   | analyst_cost  | analyst_cost + review_loss_share · l(a) |
    | decline  | 0             | l(a)                                    |

    Every review costs an analyst's time, whether it finds a fraud or not; declining needs no analyst. A fraud that is
    reviewed or declined costs neither its amount nor the fee.

    Source: the cost matrix of Bahnsen, Stojanovic, Aouada and Ottersten, "Cost sensitive credit card fraud detection
    using Bayes minimum risk", 2013 (an alert costs its administration, a missed fraud its amount), with the fee, lost
    custom and automatic declines added. The defaults are assumptions, to be replaced by an operator's own figures.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    fraud_fee: _Euros = Field(15.0, description="euros that a fraud let through costs beside its amount")
    analyst_cost: _Euros = Field(2.5, description="euros of an analyst's time for each review, of a fraud too")
    lost_custom_fixed: _Euros = Field(5.0, description="euros of custom lost with a legitimate transaction declined")
    lost_custom_share: _Share = Field(0.1, description="of its amount, lost besides with such a transaction")
    review_loss_share: _Share = Field(0.1, description="of that loss, lost where a legitimate one is only reviewed")

    @property
    def costs(self) -> "CostModel":
        """The cost model alone, of settings that hold it among others."""
        return CostModel(**{name: getattr(self, name) for name in CostModel.model_fields})

    def matrix(self, amount: Floats) -> Floats:
        """What each decision costs, shape (2, 3, n): by label, by decision as in `DECISIONS`, by transaction.

        Args:
            amount: shape (n,), euros; a negative one counts as 0.
        """
        amount = np.maximum(amount, 0)
        lost = self.lost_custom_fixed + self.lost_custom_share * amount
        none, review = np.zeros_like(lost), np.full_like(lost, self.analyst_cost)
        legitimate = [none, review + self.review_loss_share * lost, lost]
        return np.array([legitimate, [amount + self.fraud_fee, review, none]])

    def of(self, label: NDArray[np.int8], amount: Floats) -> Floats:
        """What each decision costs, the label being known: shape (3, n), by decision and transaction."""
        legitimate, fraud = self.matrix(amount)
        cost: Floats = np.where(label == 1, fraud, legitimate)
        return cost

    def thresholds(self, amount: Floats, alert_price: float = 0.0) -> tuple[Floats, Floats]:
        """The probabilities at and above which alerting costs least, and at and above which declining does.

        Both of shape (n,), the second nowhere below the first; one above 1 is never reached. Between them, to review
        costs least; where that never does, the two are equal.

        Args:
            amount: shape (n,), euros; a negative one counts as 0.
            alert_price: euros that any alert costs besides, the shadow price of a limited number of them.
        """
        cost = self.matrix(amount)
        cost[:, 1:] += alert_price
        to_review, to_decline = _crossing(cost, 0, 1), _crossing(cost, 0, 2)
        return np.minimum(to_review, to_decline), np.maximum(_crossing(cost, 1, 2), to_decline)


def _crossing(cost: Floats, milder: int, harsher: int) -> Floats:
    """The probability at which two decisions are expected to cost the same, the harsher one less above it.

    With `extra`, what the harsher costs more on a legitimate transaction, and `spared`, what it costs less on a fraud,
    (1 - p) · extra = p · spared where p = extra / (extra + spared). Source: Elkan, "The foundations of cost-sensitive
    learning", 2001, equation 2.
    """
    extra = cost[0, harsher] - cost[0, milder]
    spared = cost[1, milder] - cost[1, harsher]
    both = extra + spared
    # It is 0 only between review and decline, where both lose the same custom and declining spares the analyst.
    crossing: Floats = np.divide(extra, both, out=np.full_like(both, -np.inf), where=both > 0)
    return crossing

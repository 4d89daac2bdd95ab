"""scikit-learn's protocol of parameters, copies and tags, without loading scikit-learn."""

from __future__ import annotations

import inspect
from typing import Any, ClassVar, Self


class Estimator:
    """Base class with the methods that scikit-learn's `clone`, pipelines and searches ask of an estimator.

    scikit-learn does not ask for its own base class, which takes a second to load. A subclass keeps the arguments of
    `__init__` untouched, under their names.
    """

    _estimator_type: ClassVar[str | None] = None  # how scikit-learn before 1.6 knows outlier detectors

    @classmethod
    def _defaults(cls) -> dict[str, Any]:
        return {one.name: one.default for one in inspect.signature(cls).parameters.values()}

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name; `deep` has no effect: no parameter is an estimator."""
        # Pickles of older versions lack parameters that are new.
        return {name: getattr(self, name, default) for name, default in self._defaults().items()}

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name, and return the estimator; raise a ValueError if there is no such parameter."""
        known = list(self._defaults())
        for name, value in params.items():
            if name not in known:
                raise ValueError(f"Invalid parameter {name!r} for estimator {self!r}. Valid parameters are: {known!r}.")
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        defaults = self._defaults()
        pairs = ((name, repr(value), repr(defaults[name])) for name, value in self.get_params().items())
        return (
            f"{type(self).__name__}({', '.join(f'{name}={text}' for name, text, default in pairs if text != default)})"
        )

    @property
    def is_fitted(self) -> bool:
        """True if `fit` has been called."""
        return any(name.endswith("_") and not name.startswith("_") for name in vars(self))

    def __sklearn_is_fitted__(self) -> bool:
        return self.is_fitted

    def _require_fitted(self) -> None:
        if not self.is_fitted:
            from sklearn.exceptions import NotFittedError

            raise NotFittedError(f"this {type(self).__name__} is not fitted yet: call fit first")

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import InputTags, Tags, TargetTags, TransformerTags

        transformer = TransformerTags() if hasattr(self, "transform") else None
        return Tags(self._estimator_type, TargetTags(required=False), transformer, input_tags=InputTags())

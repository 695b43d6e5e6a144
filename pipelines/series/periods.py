"""Normalised periods as Polars expressions: year, stencil, elapsed share, canonical form.

Here: reading the strings that the extraction package writes (2011, 2020-H1, 2020-01..2020-06, asof:2011-06, 2019/2020).
Not here: finding time words in text.
"""

from __future__ import annotations

import polars as pl

_YEAR = r"(?:19|20)\d{2}"


def year_of(period: pl.Expr) -> pl.Expr:
    """Calendar year the period ends in; null where it is unknown (METHODOLOGY 4.1)."""
    return period.str.extract(rf".*(?:^|[^0-9])({_YEAR})(?:[^0-9]|$)").cast(pl.Int64)


def first_year_of(period: pl.Expr) -> pl.Expr:
    """Calendar year the period begins in; null where unknown."""
    return period.str.extract(rf"(?:^|[^0-9])({_YEAR})(?:[^0-9]|$)").cast(pl.Int64)


def stencil_of(period: pl.Expr) -> pl.Expr:
    """The period without its year, so that equal stencils are comparable: 2011-Q1 and 2010-Q1 give `Y-Q1|0`."""
    return pl.concat_str(
        period.str.replace_all(_YEAR, "Y"), (year_of(period) - first_year_of(period)).cast(pl.String), separator="|"
    )


def end_month_of_ytd(period: pl.Expr) -> pl.Expr:
    """Last month of a period that starts in January: 3 for Q1 and 01..03; null for other periods (METHODOLOGY 7.1)."""
    months = period.str.extract(r"-01(?:-01)?\.\.(?:[0-9?]{4}-)?(\d{2})(?:-\d{2})?$").cast(pl.Int64)
    return (
        pl.when(period.str.ends_with("-Q1"))
        .then(pl.lit(3, pl.Int64))
        .when(period.str.ends_with("-H1"))
        .then(pl.lit(6, pl.Int64))
        .when(period.str.contains(r"^[0-9?]{4}-01$"))
        .then(pl.lit(1, pl.Int64))
        .otherwise(months)
    )


def elapsed_share(period: pl.Expr, year_start_month: int = 1) -> pl.Expr:
    """Share of the year elapsed at the end of a year-to-date period; null where the period is no such one, or a whole
    year (METHODOLOGY 7.1).

    By months; by days where a closing day is written (2011-01-01..2011-03-31). `year_start_month` is 10 for a
    family-planning year, so that a period to March gives 0.5.
    """
    month = end_month_of_ytd(period)
    by_month = ((month - year_start_month) % 12 + 1) / 12
    closing = period.str.extract(r"-01-01\.\.(\d{4}-\d{2}-\d{2})$").str.to_date("%Y-%m-%d", strict=False)
    days = pl.when(closing.dt.is_leap_year()).then(366).otherwise(365)
    by_day = closing.dt.ordinal_day() / days
    share = pl.coalesce(by_day, by_month) if year_start_month == 1 else by_month
    return pl.when(share < 1).then(share)


def canonical_period(period: pl.Expr, stock: pl.Expr) -> pl.Expr:
    """One spelling per period: 2020-01..2020-03 is 2020-Q1, 01..06 is H1, 01..12 the year; for a stock the end of the
    year (asof:2011, asof:2011-12, asof:2011-12-31) is 2011, so that prose and yearbooks meet in one series."""
    year = year_of(period).cast(pl.String)
    same_year = first_year_of(period) == year_of(period)
    tail = period.str.extract(r"^\d{4}-(01\.\.\d{4}-\d{2})$").str.slice(-2)
    return (
        pl.when(same_year & (tail == "03"))
        .then(year + "-Q1")
        .when(same_year & (tail == "06"))
        .then(year + "-H1")
        .when(same_year & (tail == "12"))
        .then(year)
        .when(stock & period.str.contains(r"^asof:\d{4}(-12(-31)?)?$"))
        .then(year)
        .otherwise(period)
    )


def kind_of(period: pl.Expr, stated: pl.Expr) -> pl.Expr:
    """Kind of a canonical period: as stated, except where the canonical form moved it to a quarter, half or year."""
    return (
        pl.when(period.str.contains(r"^\d{4}$"))
        .then(pl.lit("annual"))
        .when(period.str.contains(r"^\d{4}-Q\d$"))
        .then(pl.lit("quarter"))
        .when(period.str.contains(r"^\d{4}-H\d$"))
        .then(pl.lit("half"))
        .otherwise(stated)
    )

"""`ag06ctl anomaly score`: how odd each row of a table is, without a daemon."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import typer

from ag06_plugins.anomaly.scoring import DETECTORS, Scored, described, score
from ag06_plugins.shared.verbs.progress import progress
from ag06_plugins.shared.verbs.sheets import as_sheet, sheet
from ag06d.cli.output import EXIT_REFUSED, fail, nearest, show
from ag06d.cli.verbs import Verbs
from ag06d.errors import Ag06Error, RequestError

TOP: Final = 10
STEPS: Final = 3  # of the progress: read, learn and score, write

app = Verbs()


@contextmanager
def telling() -> Iterator[None]:
    """What goes wrong below becomes a message and an exit status."""
    try:
        yield
    except RequestError as error:
        fail(error.message, EXIT_REFUSED, code=error.code, hint=error.hint)
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}" if error.filename else str(error), EXIT_REFUSED)
    except (Ag06Error, ValueError, MemoryError) as error:
        fail(str(error) or "there is not enough memory", EXIT_REFUSED)
    except KeyboardInterrupt:
        fail("interrupted; nothing was written under the file's name", EXIT_REFUSED)


def as_detector(name: str) -> str:
    """`name` as it is; raises typer.BadParameter for one that there is not."""
    if name not in DETECTORS:
        raise typer.BadParameter(f"no detector is called {name!r}; {nearest(name, DETECTORS)}")
    return name


def detectors() -> list[str]:
    """For a shell that completes a name."""
    return list(DETECTORS)


DETECTOR_HELP = "How: " + " ".join(f"{name}: {words}" for name, words in described().items())


@app.command("score")
def score_table(  # noqa: PLR0913 - what there is to say about it
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .csv, .tsv, .npy or .parquet file.")],
    detector: Annotated[
        str, typer.Option(metavar="NAME", callback=as_detector, autocompletion=detectors, help=DETECTOR_HELP)
    ] = "forest",
    train: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Learn from these rows; default: from FILE itself.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            callback=as_sheet,
            metavar="FILE.csv",
            help="Write a row's number, from 0, and its score; it replaces one that is there.",
        ),
    ] = None,
    *,
    column: Annotated[
        list[str] | None, typer.Option("--column", metavar="NAME", help="Only this column; may be repeated.")
    ] = None,
    without: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Not this column; may be repeated.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of random numbers: the same one gives the same scores.")] = 0,
) -> None:
    """Score each row of a table, the higher the more anomalous; no daemon is needed.

    A row is a moment, or anything else, and its columns what is known of it. Columns that are not numbers are
    left out, and named; --without leaves out those that say nothing, such as times and numbers of rows. A row
    with a value that is missing, NaN or infinite has no score, and nothing is learnt from it. Without
    --output it shows the rows with the highest scores.

    For example: ag06ctl anomaly score today.csv --train last-week.csv --detector forest --output scores.csv
    """
    from ag06_plugins.anomaly.verbs.tables import listed, read  # noqa: PLC0415 - pyarrow is slow to import

    began_s = time.perf_counter()
    with telling(), progress(f"scoring {file.name}", STEPS) as tell:
        rows = read(file).chosen(column or (), without or ())
        learnt = read(train).chosen(column or (), without or ()).like(rows) if train else rows
        tell(1)
        scored = score(DETECTORS[detector], learnt.values, rows.values, seed)
        tell(2)
        if output is not None:
            write(output, scored)
        tell(STEPS)
    document = told(scored, began_s) | {
        "detector": detector,
        "columns": list(rows.names),
        "left_out_columns": list(rows.others),
        "train": str(train or file),
        "train_rows": len(learnt.values) - scored.left_out_train,
        "output": str(output) if output else None,
    }
    lines = [] if output else top_lines(scored)
    show(document, *lines, *in_words(document, listed(rows.others)))


def write(output: Path, scored: Scored) -> None:
    """A row's number and its score, empty if it has none."""
    import pyarrow as pa  # noqa: PLC0415 - slow to import

    with sheet(output) as written:
        written.add(
            {"row": np.arange(len(scored.scores)), "score": pa.array(scored.scores, from_pandas=True)}
        )


def top(scored: Scored) -> list[int]:
    """The rows with the highest scores, the highest first; of equal ones the first."""
    order = np.argsort(-scored.scores, kind="stable")[:TOP]
    return [int(row) for row in order if not np.isnan(scored.scores[row])]


def told(scored: Scored, began_s: float) -> dict[str, Any]:
    """What there is to say of the scores."""
    highest = top(scored)
    return {
        "rows": len(scored.scores),
        "scored": len(scored.scores) - scored.left_out_rows,
        "left_out_rows": scored.left_out_rows,
        "left_out_train_rows": scored.left_out_train,
        "max": float(scored.scores[highest[0]]) if highest else None,
        "top": [{"row": row, "score": float(scored.scores[row])} for row in highest],
        "seconds": round(time.perf_counter() - began_s, 3),
    }


def top_lines(scored: Scored) -> list[str]:
    """The rows with the highest scores, as a terminal shows them."""
    return ["   row  score", *(f"{row:>6}  {scored.scores[row]:.6g}" for row in top(scored))]


def in_words(document: dict[str, Any], others: str) -> list[str]:
    """What was done, and what was left out."""
    lines = [
        f"{document['scored']} of {document['rows']} rows scored by {document['detector']}, of "
        f"{len(document['columns'])} columns, learnt from {document['train_rows']} rows, in "
        f"{document['seconds']:.2f} s" + (f": {document['output']}" if document["output"] else "")
    ]
    if document["left_out_columns"]:
        lines.append(f"left out, for they are not of numbers: {others}")
    if document["left_out_rows"]:
        lines.append(f"{document['left_out_rows']} rows have no score: a value is missing, NaN or infinite")
    if document["left_out_train_rows"]:
        lines.append(f"{document['left_out_train_rows']} rows to learn from were left out likewise")
    return lines

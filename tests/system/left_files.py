"""What a job leaves behind, read with other people's libraries."""

import csv
import io
import json


def read_json(path):
    with open(path) as file:
        return json.load(file)


def read_csv_row(path):
    """The one row of a file that cluster_utils' client would have written."""
    with open(path, newline="") as file:
        text = file.read()
    lines = text.split("\r\n")
    assert len(lines) == 3 and lines[2] == "", f"'{path}' has {text!r}"
    (row,) = csv.DictReader(io.StringIO(text))
    return row


def read_rows(path, table):
    """The used rows of a table as dictionaries; an outcome is its name, NaN is None."""
    import h5py

    with h5py.File(path, "r") as file:
        dataset = file[table]
        names = {v: k for k, v in h5py.check_enum_dtype(dataset.dtype["outcome"]).items()}
        rows = []
        for values in dataset[:]:
            row = {
                name: value.decode() if isinstance(value, bytes) else value.item()
                for name, value in zip(dataset.dtype.names, values)
            }
            row["outcome"] = names[row["outcome"]]
            if row["outcome"] != "none":
                rows.append({k: None if v != v else v for k, v in row.items()})
    if table == "starts":
        # A start that is written again goes to another row; the highest revision counts.
        latest = {}
        for row in sorted(rows, key=lambda row: row["revision"]):
            latest[row["number"]] = row
        return [latest[number] for number in sorted(latest)]
    for row in rows:
        row["name"] = "run_{learning_run}.{iteration}-{attempt}".format(**row)
        row["name"] += f".part{row['part']}" if row["part"] else ""
    return rows


def curve_names(path):
    import h5py

    with h5py.File(path, "r") as file:
        return sorted(file["curves"])

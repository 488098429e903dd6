"""The Python side of code that runs in the book's pages.

A page starts CPython in the browser and hands it one command after another. `kernel` runs
a cell as Jupyter would, `values` turns its result into what a page can show, `pictures` is
the Matplotlib backend and describes a figure in words, `errors` says what went wrong in the
reader's own lines. `standins` holds the two or three functions of IPython and scikit-learn
that chapters import, since neither runs there.
"""

"""bookkit: how the book shows what it teaches.

Notebook helpers (`notebook`), figures (`figures`), exercises that check themselves
(`exercises`), experiments with sliders (`experiments`) and the pad for handwritten
digits (`digitpad`). The package `nntrain`, which the book teaches, does not depend on it.
"""

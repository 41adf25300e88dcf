"""The label-efficiency study: few labelled doors and many, and which claims hold."""

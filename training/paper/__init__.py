"""The paper's tables and figures beside this project's: measured, drawn and reported."""

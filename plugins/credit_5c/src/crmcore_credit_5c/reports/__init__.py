"""What is printed: the credit file, the portfolio, the lists."""
